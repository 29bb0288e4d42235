# Tenon as one image for every process: `serve` (web), `work` (worker), `migrate` (once per upgrade).
# There is no database in it; TENON_DATABASE_URL and TENON_REDIS_URL name yours.
#
# The base is named by version, so that a rebuild brings its security fixes. To rebuild the very same image,
# name it by digest as well:  docker build --build-arg BASE=python:3.11-slim-trixie@sha256:… --tag tenon .
ARG BASE=python:3.11-slim-trixie

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/source

# What builds stays in this stage. Wheels only: nothing is compiled, so there is no compiler in any stage.
COPY requirements-build.lock requirements-image.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r requirements-build.lock
RUN python -m venv --without-pip /opt/tenon \
    && /opt/build/bin/pip --python /opt/tenon/bin/python install --no-compile \
        --require-hashes --only-binary=:all: -r requirements-image.lock

COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY service service
COPY sso sso
COPY tenancy tenancy
RUN /opt/build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/build/bin/pip --python /opt/tenon/bin/python install --no-compile \
        --no-index --no-deps /opt/wheel/tenon-*.whl \
    && /opt/build/bin/pip --python /opt/tenon/bin/python check
# Compiled once, here: the file system is read-only later. Valid whatever the times of the files become.
# Without faker, which makes test data: Litestar depends on it, nothing that serves imports it.
RUN /opt/tenon/bin/python -m compileall -q -j 0 -x /faker/ --invalidation-mode unchecked-hash /opt/tenon/lib

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Tenon" \
    org.opencontainers.image.description="Multi-tenant identity and organisation sync between a SaaS vendor's application and its customers' enterprises" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# Nothing runs in this stage: it is the base and what was copied, owned by root, not to be written by its user.
COPY --from=build /opt/tenon /opt/tenon
ENV PATH=/opt/tenon/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TENON_BIND=0.0.0.0:8000
WORKDIR /app
USER 10001:10001
EXPOSE 8000 9000
STOPSIGNAL SIGTERM
# Web, worker and migrations are healthy in different ways; whoever runs them asks: compose.yaml, helm/.
HEALTHCHECK NONE
ENTRYPOINT ["tenon"]
CMD ["serve"]
