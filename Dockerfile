# Built in one stage, run in another: the image that runs holds Python, the locked parts and the wheel.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/vestibule
ENV PATH=/opt/vestibule/bin:$PATH
# The lock alone first: it changes seldom, so this layer is kept.
COPY requirements.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY flows flows
COPY bot bot
COPY locales locales
COPY docs/examples docs/examples
RUN pip install --no-deps --no-build-isolation --no-index . && pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin vestibule \
    && install -d -o vestibule -g vestibule -m 0700 /data
COPY --from=build /opt/vestibule /opt/vestibule
ENV PATH=/opt/vestibule/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VESTIBULE_DATABASE_URL=sqlite:////data/vestibule.sqlite
USER vestibule
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
# Healthy while the running bot's heartbeat file is fresh.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["vestibule", "doctor", "--health"]
ENTRYPOINT ["vestibule"]
CMD ["run"]
