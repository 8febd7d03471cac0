"""Read-only questions to MongoDB: raw documents, bounded in time."""
