# The bot alone, for production: no sandbox, no embedded servers, no compiler, no root.

FROM python:3.13-slim AS build

WORKDIR /build
RUN python -m venv /opt/betjee
COPY requirements.lock .
RUN /opt/betjee/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml .
COPY bot bot
COPY cli cli
COPY exchange exchange
COPY runtime runtime
COPY sandbox sandbox
COPY sql sql
COPY web web
# The build backend is in the lock, so that nothing unpinned is fetched here.
RUN /opt/betjee/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim

# The number is fixed, so that orchestrators can tell without a look inside that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin betjee
COPY --from=build /opt/betjee /opt/betjee
ENV PATH=/opt/betjee/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /

# Docker keeps exit codes other than 0 and 1 for itself.
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s --retries=3 \
    CMD betjee health || exit 1

# The bot ends its work in hand on SIGTERM, which the entry point receives directly.
STOPSIGNAL SIGTERM
ENTRYPOINT ["betjee"]
CMD ["bot"]
