"""What the tools that users trust say of an export, held against what this project says."""
