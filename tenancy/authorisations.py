"""What counts of the marketplace's words on who may use an app, as SQL for every statement that asks."""

# Of an authorisation `a` and the binding `b` of its instance, if any: the newest word said since the binding
# last ended. Failing that, a description since then counts as a grant. NULL when nothing counts. What was
# undone leaves the word `unsaid`, as if nothing had been heard until then.
WORD = """
CASE WHEN a.state <> 'unsaid' AND (b.ended_time IS NULL OR a.source_time >= b.ended_time) THEN a.state
     WHEN a.described_time >= coalesce(b.ended_time, 'epoch')
          AND (a.state <> 'unsaid' OR a.described_time >= a.source_time) THEN 'granted' END
"""


def given_by(cause: str) -> str:
    """SQL: who gave a word, by the id of the cause it remembers: a push, or the act that brought it back."""
    return f"""
    coalesce((SELECT u.actor FROM audit u WHERE u.tenant_id = $1 AND u.id = {cause}), 'push:' || {cause})
    """
