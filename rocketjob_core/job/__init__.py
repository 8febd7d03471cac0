"""The job document: one job is one document."""
