"""Other proxies in weir's place, to try the cases themselves."""

import pathlib
import socket

import grpc

from test.integration.echo_client import EchoClient
from test.integration.processes import Process, wait_until


def start(kind, backend, folder):
    """A Process with an `address`, in front of one backend."""
    with socket.socket() as free:  # None of them can be asked to choose a port, so a free one is found for it.
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = {"nghttpx": _nghttpx, "haproxy": _haproxy, "nginx": _nginx}[kind]
    process = Process(kind, command(backend, port, folder), folder)
    process.address = f"127.0.0.1:{port}"
    wait_until(lambda: _answers(process.address), f"{kind} passes a call on")
    return process


def _answers(address):
    client = EchoClient(address)
    try:
        return client.echo(timeout=1)
    except grpc.RpcError as error:  # A server by hand answers as it likes.
        return error.code() is not grpc.StatusCode.UNAVAILABLE
    finally:
        client.close()


def _nghttpx(backend, port, folder):
    host, backend_port = backend.split(":")
    return ["/usr/sbin/nghttpx", f"--frontend=127.0.0.1,{port};no-tls", f"--backend={host},{backend_port};;proto=h2",
            "--workers=1", "--conf=/dev/null", "--errorlog-file=/dev/stderr",
            "--frontend-http2-max-concurrent-streams=1000"]


def _haproxy(backend, port, folder):
    path = pathlib.Path(folder, "haproxy.cfg")
    path.write_text(f"""
global
  maxconn 1000
  tune.h2.max-concurrent-streams 1000
  tune.maxrewrite 16384
  tune.bufsize 65536
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend in
  bind 127.0.0.1:{port} proto h2
  default_backend out
backend out
  server echo {backend} proto h2
""")
    return ["/usr/sbin/haproxy", "-f", str(path), "-db"]


def _nginx(backend, port, folder):
    path = pathlib.Path(folder, "nginx.conf")
    path.write_text(f"""
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
user root;
worker_processes 1;
events {{ worker_connections 4000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  client_max_body_size 0;
  large_client_header_buffers 8 64k;
  server {{
    listen 127.0.0.1:{port} http2;
    http2_max_concurrent_streams 1000;
    grpc_buffer_size 64k;
    location / {{ grpc_pass grpc://{backend}; }}
  }}
}}
""")
    return ["/usr/sbin/nginx", "-p", folder, "-c", str(path)]
