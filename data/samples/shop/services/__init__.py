"""The shop's services, one module each; every one runs in a process of its own."""
