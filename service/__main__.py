"""`python -m service` is `tenon`."""

from service.cli import main

main()
