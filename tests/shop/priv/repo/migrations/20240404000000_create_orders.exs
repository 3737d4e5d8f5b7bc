%{
  up: [
    "CREATE TABLE orders (id INTEGER)"
  ],
  down: [
    "DROP TABLE orders"
  ]
}
