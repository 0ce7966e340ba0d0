"""What every stage needs and no result depends on by name: artifacts, provenance, resume, progress, devices."""
