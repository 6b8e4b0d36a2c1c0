"""An S3 server for tests: one bucket in memory, every request's signature checked.

The signatures are made anew by botocore, which is Amazon's own client. Arguments: the port, then
the number of a part that is refused (0: none). GET /?state lists what there is, unsigned.
"""
import datetime
import hashlib
import http.server
import json
import sys
import threading
import urllib.parse
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PORT, REFUSED_PART = int(sys.argv[1]), int(sys.argv[2])
ACCESS_KEY, SECRET_KEY, TOKEN = "AKIDEXAMPLE", "secret/with+signs=", "a session's token"
REGION, BUCKET = "eu-test-1", "bucket"

lock = threading.Lock()
objects, uploads, seen = {}, {}, []


class Refusal(Exception):
    def __init__(self, status, code):
        self.status, self.code = status, code


def check_signature(method, target, headers, body):
    words = headers.get("authorization", "")
    if not words:
        raise Refusal(403, "AccessDenied")
    algorithm, _, rest = words.partition(" ")
    fields = dict(field.strip().split("=", 1) for field in rest.split(","))
    key, day, region, service, end = fields["Credential"].split("/")
    if algorithm != "AWS4-HMAC-SHA256" or service != "s3" or end != "aws4_request":
        raise Refusal(400, "InvalidRequest")
    if region != REGION:
        raise Refusal(400, "AuthorizationHeaderMalformed")
    if key != ACCESS_KEY:
        raise Refusal(403, "InvalidAccessKeyId")
    time = headers["x-amz-date"]
    sent = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
    if abs(datetime.datetime.utcnow() - sent) > datetime.timedelta(minutes=15) or day != time[:8]:
        raise Refusal(403, "RequestTimeTooSkewed")
    signed = fields["SignedHeaders"].split(";")
    must = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    must |= {"content-type"} & set(headers)
    if must - set(signed):
        raise Refusal(403, "AccessDenied")
    if headers.get("x-amz-security-token", TOKEN) != TOKEN:
        raise Refusal(403, "InvalidToken")
    if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        raise Refusal(400, "XAmzContentSHA256Mismatch")
    request = AWSRequest(method=method, url="http://" + headers["host"] + target, data=body,
                         headers={name: headers[name] for name in signed if name != "host"})
    request.context["timestamp"] = time
    signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    if signer.signature(text, request) != fields["Signature"]:
        raise Refusal(403, "SignatureDoesNotMatch")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/?state":
            with lock:
                state = {"objects": sorted(objects), "uploads": len(uploads), "seen": seen}
            return self.answer(200, json.dumps(state).encode())
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            check_signature(self.command, self.path, headers, body)
            path, _, query = self.path.partition("?")
            query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
            bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
            if bucket != BUCKET:
                raise Refusal(404, "NoSuchBucket")
            with lock:
                seen.append(self.command + " " + " ".join(sorted(query)))
                self.answer(*self.do(key, query, body))
        except Refusal as refusal:
            text = "<Error><Code>%s</Code><Message>it &lt;says&gt; so</Message></Error>"
            self.answer(refusal.status, (text % refusal.code).encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def do(self, key, query, body):
        if self.command in ("GET", "HEAD"):
            if key not in objects:
                raise Refusal(404, "NoSuchKey")
            return 200, objects[key]
        if self.command == "POST" and "uploads" in query:
            name = "up/load+%d&" % len(seen)
            uploads[name] = {}
            return 200, ("<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
                         "</InitiateMultipartUploadResult>" % escape(name)).encode()
        if "uploadId" in query:
            parts = uploads.get(query["uploadId"])
            if parts is None:
                raise Refusal(404, "NoSuchUpload")
            if self.command == "DELETE":
                del uploads[query["uploadId"]]
                return (204,)
            if self.command == "PUT":
                number = int(query["partNumber"])
                if number == REFUSED_PART:
                    raise Refusal(500, "InternalError")
                tag = '"%s"' % hashlib.md5(body).hexdigest()
                parts[number] = (tag, body)
                return 200, b"", [("ETag", tag)]
            for number, (tag, _) in parts.items():
                escaped = escape(tag, {'"': "&quot;"})
                named = "<PartNumber>%d</PartNumber><ETag>%s</ETag>" % (number, escaped)
                if named.encode() not in body:
                    return 200, b"<Error><Code>InvalidPart</Code><Message>no</Message></Error>"
            objects[key] = b"".join(parts[number][1] for number in sorted(parts))
            del uploads[query["uploadId"]]
            return 200, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"
        if self.command != "PUT":
            raise Refusal(405, "MethodNotAllowed")
        objects[key] = body
        return 200, b""


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
