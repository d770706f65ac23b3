"""A small online shop that is run and recorded to make the sample telemetry."""
