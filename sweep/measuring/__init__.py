"""From images to a score and diagnostics, within a sweep or without one."""
