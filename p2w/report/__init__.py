"""What people read: summary, figures, findings, model cards."""
