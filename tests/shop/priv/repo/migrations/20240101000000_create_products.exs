%{
  up: [
    "CREATE TABLE products (name TEXT)"
  ],
  down: [
    "DROP TABLE products"
  ]
}
