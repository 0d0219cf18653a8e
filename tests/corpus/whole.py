"""A whole file in the manner of the platform's earlier templates, ending without a newline."""

from __future__ import annotations

from tests.corpus.case import Taken

TEXT = """# CloudFreedom – Agent mit eigenem Speicher
#
# Variablen:
#   TENANT_ID      Kennung des Mandanten (Pflicht)
#   SUBDOMAIN      z. B. "agent-müller"
#   NODE_OPTIONS   Vorgabe: --max-old-space-size=1536
#
# Hinweis: Werte mit Dollarzeichen verdoppeln ($$).
# Stand: 2024-05-01
# ------------------------------------------------
version: '3.8'

services:
  agent:
    build: .
    image: example/agent:2.4.1
    container_name: "cf-agent-${TENANT_ID}"
    user: "1000:1000"
    read_only: true
    environment:
      TENANT_ID: "${TENANT_ID}"
      OPENAI_API_KEY: "${OPENAI_API_KEY:-}"
      NODE_OPTIONS: "${NODE_OPTIONS:---max-old-space-size=1536}"
      LOG_LEVEL: "info"
      PORT: "3000"
      TRUST_PROXY: "true"
    command: ["node", "server.js", "--port", "3000"]
    depends_on:
      - db
    volumes:
      - agent-data:/app/data
      - agent-config:/app/config:ro
    tmpfs:
      - /tmp:noexec,nosuid,size=50m
      - /run
    networks:
      - inner
      - proxy
    labels:
      - "traefik.enable=true"
      - "traefik.http.routers.agent-${TENANT_ID}.rule=Host(`${SUBDOMAIN}.${DOMAIN:-example.org}`)"
      - "cf.tenant=${TENANT_ID}"
      - "cf.created=2024-05-01T10:00:00Z"
      - "monitoring.scrape=false"
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:3000/health"]
      interval: 30s
      timeout: 10s
      retries: 3
      start_period: 40s
    deploy:
      resources:
        limits: {cpus: "${CPU_LIMIT:-1.0}", memory: "${MEMORY_LIMIT:-1G}"}
        reservations: {cpus: "0.25", memory: 256M}
    security_opt: ["no-new-privileges:true"]
    cap_drop: [ALL]
    restart: unless-stopped
    logging:
      driver: json-file
      options:
        max-size: "10m"
        max-file: "3"

  db:
    image: postgres:16-alpine
    environment:
      - POSTGRES_DB=agent
      - POSTGRES_PASSWORD=${DB_PASSWORD}
    volumes: ["db-data:/var/lib/postgresql/data"]

networks:
  inner:
    name: "cf-${TENANT_ID}"
    internal: false
    labels: {cf.tenant: "${TENANT_ID}"}
  proxy:
    external: true

volumes:
  agent-data:
    name: "cf-${TENANT_ID}-data"
    labels: {cf.backup: "daily"}
  agent-config:
  db-data: {}"""

AGENT = {
    "build": ".",
    "image": "example/agent:2.4.1",
    "container_name": "cf-agent-${TENANT_ID}",
    "user": "1000:1000",
    "read_only": True,
    "environment": {
        "TENANT_ID": "${TENANT_ID}",
        "OPENAI_API_KEY": "${OPENAI_API_KEY:-}",
        "NODE_OPTIONS": "${NODE_OPTIONS:---max-old-space-size=1536}",
        "LOG_LEVEL": "info",
        "PORT": "3000",
        "TRUST_PROXY": "true",
    },
    "command": ["node", "server.js", "--port", "3000"],
    "depends_on": ["db"],
    "volumes": ["agent-data:/app/data", "agent-config:/app/config:ro"],
    "tmpfs": ["/tmp:noexec,nosuid,size=50m", "/run"],
    "networks": ["inner", "proxy"],
    "labels": [
        "traefik.enable=true",
        "traefik.http.routers.agent-${TENANT_ID}.rule=Host(`${SUBDOMAIN}.${DOMAIN:-example.org}`)",
        "cf.tenant=${TENANT_ID}",
        "cf.created=2024-05-01T10:00:00Z",
        "monitoring.scrape=false",
    ],
    "healthcheck": {
        "test": ["CMD", "curl", "-f", "http://localhost:3000/health"],
        "interval": "30s",
        "timeout": "10s",
        "retries": 3,
        "start_period": "40s",
    },
    "deploy": {
        "resources": {
            "limits": {"cpus": "${CPU_LIMIT:-1.0}", "memory": "${MEMORY_LIMIT:-1G}"},
            "reservations": {"cpus": "0.25", "memory": "256M"},
        }
    },
    "security_opt": ["no-new-privileges:true"],
    "cap_drop": ["ALL"],
    "restart": "unless-stopped",
    "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
}

TAKEN = (
    Taken(
        "a whole file",
        TEXT,
        {
            "version": "3.8",
            "services": {
                "agent": AGENT,
                "db": {
                    "image": "postgres:16-alpine",
                    "environment": ["POSTGRES_DB=agent", "POSTGRES_PASSWORD=${DB_PASSWORD}"],
                    "volumes": ["db-data:/var/lib/postgresql/data"],
                },
            },
            "networks": {
                "inner": {
                    "name": "cf-${TENANT_ID}",
                    "internal": False,
                    "labels": {"cf.tenant": "${TENANT_ID}"},
                },
                "proxy": {"external": True},
            },
            "volumes": {
                "agent-data": {"name": "cf-${TENANT_ID}-data", "labels": {"cf.backup": "daily"}},
                "agent-config": None,
                "db-data": {},
            },
        },
    ),
)
