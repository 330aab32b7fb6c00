"""Built-in config providers, one per file; each imports `connectrt.sdk` and no more of the runtime."""
