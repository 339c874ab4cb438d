"""From stored results to statistics, claims, tables, figures and pages."""
