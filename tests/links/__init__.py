"""Links between services, over spans written by hand."""
