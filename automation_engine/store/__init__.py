"""What is kept: SQLModel tables, transactions, named queries. The database is the truth, the queue is a doorbell."""
