"""The parts of the report: what each section of the page shows, as data for its template."""
