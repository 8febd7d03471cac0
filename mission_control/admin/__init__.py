"""The pages, as Flask-Admin views: parse, ask a query or an action, render."""
