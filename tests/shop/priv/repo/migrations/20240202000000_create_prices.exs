%{
  up: [
    "CREATE TABLE prices (cents INTEGER)"
  ],
  down: [
    "DROP TABLE prices"
  ]
}
