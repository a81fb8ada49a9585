"""Scoring one logical date after another: idempotent, resumable, checked before it is published."""
