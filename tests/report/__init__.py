"""The report: its folder, its pages, and what a browser makes of them."""
