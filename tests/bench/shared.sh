#!/bin/bash
# usage: shared.sh [ROUNDS] [MEGABYTES]
#
# One machine builds and fills a shared cache; another one, with an empty store but for the base
# image, builds the same without a change: bytes that move and time, for each kind of cache, beside
# the first build. The build stage has a layer of MEGABYTES that cannot be compressed and two thousand
# small files; the image has a small file of it. Needs root, nginx, docker-registry and, for the
# bucket, python3-botocore.
. "$(dirname "$0")/common.sh"
rounds=${1:-3} megabytes=${2:-100}

busybox
"$slipway" save -o "$work/busybox.tar" busybox:latest
context=$work/context
mkdir -p "$context/src"
for ((i = 0; i < 2000; i++)); do echo "file $i of the sources" > "$context/src/$i.c"; done
cat > "$context/Dockerfile" <<END
FROM busybox:latest AS build
RUN head -c ${megabytes}000000 /dev/urandom > /toolchain
COPY src /src
RUN cat /src/*.c | sha256sum > /app
RUN for i in \$(seq 2000); do echo object \$i > /src/\$i.o; done
FROM busybox:latest
RUN mkdir /etc/app
COPY --from=build /app /app
RUN wc -c /app > /etc/app/size
END

servers=()
end() { ((${#servers[@]} == 0)) || kill "${servers[@]}" 2> /dev/null || true; rm -rf "$work"; }
trap end EXIT
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
await() { for _ in $(seq 500); do (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null && return; sleep 0.02; done; return 1; }

http=$(free_port) registry=$(free_port) s3=$(free_port)
mkdir -p "$work/nginx/files"
cat > "$work/nginx/nginx.conf" <<END
daemon off; master_process off; pid pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:$http;
    location /cache/ {
      alias $work/nginx/files/;
      dav_methods PUT; create_full_put_path on; client_max_body_size 0;
    }
  }
}
END
nginx -p "$work/nginx" -e stderr -c "$work/nginx/nginx.conf" 2> /dev/null & servers+=($!)
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
  "$work/registry" "$registry" > "$work/registry.yml"
docker-registry serve "$work/registry.yml" > /dev/null 2>&1 & servers+=($!)
/usr/bin/python3 "$bench/../cache/shared/s3_server.py" "$s3" 0 > /dev/null 2>&1 & servers+=($!)
for port in "$http" "$registry" "$s3"; do await "$port"; done
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret/with+signs=

# spec KIND ROUND: a cache of its own.
spec() {
  case $1 in
    local) echo "type=local,$3=$work/shared-$2" ;;
    http) echo "type=http,url=http://127.0.0.1:$http/cache/$2" ;;
    registry) echo "type=registry,ref=127.0.0.1:$registry/cache$2" ;;
    s3) echo "type=s3,bucket=bucket,region=eu-test-1,prefix=$2/,endpoint_url=http://127.0.0.1:$s3" ;;
  esac
}
machines=0
fresh() {  # an empty store with the base image
  export SLIPWAY_ROOT=$work/machine-$((++machines))
  "$slipway" load -q -i "$work/busybox.tar" > /dev/null
}
moved() { grep '^shared cache:' "$work/log" | sed 's/^shared cache: //'; }

machine
printf '%-9s %-6s %10s %18s %18s   %s\n' cache round 'first, ms' 'records only, ms' 'with image, ms' moved
for kind in local http registry s3; do
  only=() image=()
  for ((round = 1; round <= rounds; round++)); do
    fresh
    timed "$slipway" build --progress=plain --cache-to "$(spec $kind $round dest)" -t bench "$context"
    first=$ms sent=$(moved)
    fresh
    timed "$slipway" build --progress=plain --cache-from "$(spec $kind $round src)" -o type=cacheonly "$context"
    grep -q ' 0 misses' "$work/log" || { cat "$work/log"; exit 1; }
    none=$ms records=$(moved)
    fresh
    timed "$slipway" build --progress=plain --cache-from "$(spec $kind $round src)" -t bench "$context"
    printf '%-9s %-6s %10s %18s %18s   %s | %s | %s\n' $kind $round "$first" "$none" "$ms" "$sent" "$records" "$(moved)"
    only+=("$(ratio "$none" "$first")") image+=("$(ratio "$ms" "$first")")
  done
  printf '%-9s median ratio to the first build: records only %s, with image %s\n' $kind \
    "$(median "${only[@]}")" "$(median "${image[@]}")"
done
