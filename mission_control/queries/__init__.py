"""Read-only questions to MongoDB: raw documents, bounded in time, so that no broken document and no big collection stops a page."""
