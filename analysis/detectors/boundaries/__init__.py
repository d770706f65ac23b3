"""Service boundaries: who should own what."""
