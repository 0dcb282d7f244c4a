"""What a person looks at. Reads registries and records, never torch."""
