# Causeway as an image. What is installed is locked in requirements/ and checked by its hashes; nothing runs as root, nothing is
# written but below /var/lib/causeway and /tmp.
#   docker build -t causeway .
# How it is used beside an XMPP server: packaging/compose.yaml
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# What changes rarely comes first. What has no wheel is built with the setuptools that is locked.
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /opt/causeway \
    && /opt/causeway/bin/pip install --require-hashes -r requirements/build.txt \
    && /opt/causeway/bin/pip install --require-hashes --no-build-isolation --use-pep517 -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY bridges bridges
# Nothing is installed later, and what is not there cannot be used.
RUN /opt/causeway/bin/pip install --no-index --no-deps --no-build-isolation . \
    && /opt/causeway/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Causeway" \
      org.opencontainers.image.description="An XMPP gateway: IRC, email and SMS" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.documentation="docs/operators.md"
COPY --from=build /opt/causeway /opt/causeway
# A new volume there gets this owner and mode.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/causeway
ENV PATH=/opt/causeway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/causeway
VOLUME /var/lib/causeway
# It says goodbye to networks and clients, within 10 seconds.
STOPSIGNAL SIGTERM
# Healthy is what carries messages: status 0. The gateway is asked through its control socket.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["causeway", "status", "--once"]
ENTRYPOINT ["causeway"]
CMD ["run"]
