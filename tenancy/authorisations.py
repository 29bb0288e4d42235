"""What counts of the marketplace's words on who may use an app, as SQL for every statement that asks."""

# Of an authorisation `a` and the binding `b` of its instance, if any: the newest word said since the binding
# last ended. Failing that, a description since then counts as a grant. NULL when nothing counts.
WORD = """
CASE WHEN b.ended_time IS NULL OR a.source_time >= b.ended_time THEN a.state
     WHEN a.described_time >= b.ended_time THEN 'granted' END
"""
