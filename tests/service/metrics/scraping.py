"""Reading what a scrape shows."""

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name, **labels):
        """The value of a series; None when it is not there."""
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def series(self, prefix="tenon_"):
        return {key for key in self.samples if key[0].startswith(prefix)}

    def risen(self, before, name):
        """By how much each series of that name has risen since, by its label values in the order of names."""
        return {
            tuple(value for _, value in labels): value - before.samples.get((known, labels), 0.0)
            for (known, labels), value in self.samples.items()
            if known == name and value != before.samples.get((known, labels), 0.0)
        }


async def scrape(http, **options):
    answer = await http.get("/metrics", **options)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)
