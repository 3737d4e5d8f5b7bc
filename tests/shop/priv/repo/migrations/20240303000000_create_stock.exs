%{
  up: [
    "CREATE TABLE stock (count INTEGER)"
  ],
  down: [
    "DROP TABLE stock"
  ]
}
