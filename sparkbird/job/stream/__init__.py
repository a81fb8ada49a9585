"""The streaming job: files scored as they arrive, each row once, also after a crash."""
