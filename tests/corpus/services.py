"""What people write into services, whether or not a guard would let it pass."""

from __future__ import annotations

from tests.corpus.case import HEAD, Taken, app

STATEMENTS = (
    "import sys, urllib.request as u; r = u.urlopen('http://127.0.0.1:8080/h?a=\"b\"'); "
    "sys.exit(0 if r.status == 200 else 1)"
)
PIPE = """wget -q -O - "http://127.0.0.1/" | grep -q 'ok' || exit 1"""
RULE = "Host(`${SUBDOMAIN}.${DOMAIN:-example.org}`) && PathPrefix(`/a`)"

TAKEN = (
    Taken(
        "an environment as a list",
        HEAD
        + """    environment:
      - A=1
      - "B=two words"
      - C=a=b=c
      - D=${D}
      - E=
      - F
      - 'G={"json": true}'
      - H=${NODE_OPTIONS:---max-old-space-size=1536}
""",
        app(
            environment=[
                *("A=1", "B=two words", "C=a=b=c", "D=${D}", "E=", "F"),
                *('G={"json": true}', "H=${NODE_OPTIONS:---max-old-space-size=1536}"),
            ]
        ),
    ),
    Taken(
        "labels as a list, with backticks around a host name of variables",
        HEAD
        + """    labels:
      - "traefik.enable=true"
      - "traefik.http.routers.app.rule=Host(`${SUBDOMAIN}.${DOMAIN:-example.org}`) && PathPrefix(`/a`)"
      - 'monitoring.note=since 2024-05-01T10:00:00Z'
      - cf.tenant=${TENANT}
""",
        app(
            labels=[
                "traefik.enable=true",
                f"traefik.http.routers.app.rule={RULE}",
                "monitoring.note=since 2024-05-01T10:00:00Z",
                "cf.tenant=${TENANT}",
            ]
        ),
    ),
    Taken(
        "healthchecks with several statements and quotes",
        HEAD
        + "    healthcheck:\n"
        + '      test: ["CMD", "python", "-c", "'
        + STATEMENTS.replace('"', '\\"')
        + '"]\n'
        + "      interval: 30s\n      retries: 3\n"
        + "  other:\n    image: example/other:1\n"
        + "    healthcheck:\n      test: "
        + PIPE
        + "\n",
        {
            "services": {
                "app": {
                    "image": "example/app:1.2",
                    "healthcheck": {
                        "test": ["CMD", "python", "-c", STATEMENTS],
                        "interval": "30s",
                        "retries": 3,
                    },
                },
                "other": {
                    "image": "example/other:1",
                    "healthcheck": {"test": PIPE},
                },
            }
        },
    ),
    Taken(
        "limits and reservations with defaults",
        HEAD
        + """    deploy:
      resources:
        limits: {cpus: "${CPU_LIMIT:-1.0}", memory: "${MEM:-512M}", pids: 100}
        reservations:
          cpus: '0.25'
          memory: 64M
""",
        app(
            deploy={
                "resources": {
                    "limits": {"cpus": "${CPU_LIMIT:-1.0}", "memory": "${MEM:-512M}", "pids": 100},
                    "reservations": {"cpus": "0.25", "memory": "64M"},
                }
            }
        ),
    ),
    Taken(
        "tmpfs in its short forms",
        HEAD + "    tmpfs:\n      - /tmp\n      - /run:noexec,nosuid,size=50m\n    read_only: true\n",
        app(tmpfs=["/tmp", "/run:noexec,nosuid,size=50m"], read_only=True),
    ),
    Taken(
        "named volumes, one read-only, with options at the top",
        HEAD
        + """    volumes:
      - data:/var/lib/app
      - conf:/etc/app:ro
      - {type: volume, source: more, target: /more, read_only: true}
volumes:
  data:
    name: "${TENANT}-data"
    labels: {cf.tenant: "${TENANT}"}
  conf: {driver: local}
  more:
""",
        app(
            volumes=[
                "data:/var/lib/app",
                "conf:/etc/app:ro",
                {"type": "volume", "source": "more", "target": "/more", "read_only": True},
            ]
        )
        | {
            "volumes": {
                "data": {"name": "${TENANT}-data", "labels": {"cf.tenant": "${TENANT}"}},
                "conf": {"driver": "local"},
                "more": None,
            }
        },
    ),
    Taken(
        "an external network beside an own one",
        HEAD
        + """    networks: [inner, edge]
networks:
  inner:
    name: "cf-${TENANT}"
    internal: false
    labels:
      - "a=b"
  edge:
    external: true
""",
        app(networks=["inner", "edge"])
        | {
            "networks": {
                "inner": {"name": "cf-${TENANT}", "internal": False, "labels": ["a=b"]},
                "edge": {"external": True},
            }
        },
    ),
    Taken(
        "build, depends_on as a list, command as a list",
        "services:\n  app:\n    build: .\n    depends_on:\n      - db\n    command: [\"serve\", '--x', -y]\n"
        "  db: {image: postgres:16-alpine}\n",
        {
            "services": {
                "app": {"build": ".", "depends_on": ["db"], "command": ["serve", "--x", "-y"]},
                "db": {"image": "postgres:16-alpine"},
            }
        },
    ),
    Taken(
        "rights, users, capabilities, ulimits and sysctls",
        HEAD
        + """    user: "1000:1000"
    security_opt: [no-new-privileges:true]
    cap_drop:
      - ALL
    cap_add: [CHOWN, NET_BIND_SERVICE]
    ulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 64}
    sysctls:
      net.core.somaxconn: 1024
    container_name: ${NAME:-app}
    restart: "no"
    logging:
      driver: json-file
      options: {max-size: "10m", max-file: "3"}
""",
        app(
            user="1000:1000",
            security_opt=["no-new-privileges:true"],
            cap_drop=["ALL"],
            cap_add=["CHOWN", "NET_BIND_SERVICE"],
            ulimits={"nofile": {"soft": 1024, "hard": 2048}, "nproc": 64},
            sysctls={"net.core.somaxconn": 1024},
            container_name="${NAME:-app}",
            restart="no",
            logging={"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
        ),
    ),
    Taken(
        "ports, hosts, profiles and a long form",
        HEAD
        + """    ports:
      - "22:22"
      - "127.0.0.1:8081:8080"
      - 3000
      - {target: 80, published: 8081, host_ip: 127.0.0.1, protocol: tcp}
    expose: ["8080"]
    extra_hosts: ["host.docker.internal:host-gateway"]
    profiles: [jobs]
    hostname: app-host
""",
        app(
            ports=[
                *("22:22", "127.0.0.1:8081:8080", 3000),
                {"target": 80, "published": 8081, "host_ip": "127.0.0.1", "protocol": "tcp"},
            ],
            expose=["8080"],
            extra_hosts=["host.docker.internal:host-gateway"],
            profiles=["jobs"],
            hostname="app-host",
        ),
    ),
    Taken(
        "secrets and configs at the top",
        HEAD
        + "    secrets: [s1]\n    configs: [{source: c1, target: /etc/c1}]\n"
        + "secrets:\n  s1: {environment: DB_PASSWORD}\nconfigs:\n  c1:\n    content: 'a: $$b'\n",
        app(secrets=["s1"], configs=[{"source": "c1", "target": "/etc/c1"}])
        | {"secrets": {"s1": {"environment": "DB_PASSWORD"}}, "configs": {"c1": {"content": "a: $$b"}}},
    ),
)
