%{
  up: [
    "CREATE TABLE for_good (id INTEGER)"
  ],
  down: [
    "DROP TABLE no_such_table"
  ]
}
