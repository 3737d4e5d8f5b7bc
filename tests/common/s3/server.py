"""A server that speaks S3: moto, behind a door that checks every request with Amazon's own botocore.

moto takes any key and any signature. What the door refuses it refuses in Amazon's words.
Its input is a line "KEY SECRET BUCKET SECONDS", the last being how far its clock is ahead, so that they
stand in no list of processes. Prints its port and that of moto itself, and ends when its input does.
"""

import base64
import hashlib
import hmac
import io
import sys
import threading
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET, BUCKET, AHEAD = sys.stdin.readline().split()
TIME = "%Y%m%dT%H%M%SZ"


def now():
    return datetime.now(timezone.utc) + timedelta(seconds=int(AHEAD))


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(code)
        self.code, self.message = code, message


def refuse_unless_signed(environ, body):
    url = f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}"
    fields = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if "AWSAccessKeyId" in fields:
        refuse_unless_signed_as_before(environ, url, fields)
    elif "X-Amz-Signature" in fields:
        refuse_unless_presigned(environ, url, fields)
    else:
        refuse_unless_authorized(environ, url, body)


def refuse_unless_authorized(environ, url, body):
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise Refused("AccessDenied", "Access Denied")
    parts = dict(part.strip().split("=", 1) for part in authorization.split(" ", 1)[1].split(","))
    at = environ["HTTP_X_AMZ_DATE"]
    if abs(datetime.strptime(at, TIME).replace(tzinfo=timezone.utc) - now()) > timedelta(minutes=15):
        raise Refused("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
    if environ["HTTP_X_AMZ_CONTENT_SHA256"] != hashlib.sha256(body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match.")
    headers = {}
    for name in parts["SignedHeaders"].split(";"):
        field = name.upper().replace("-", "_")
        headers[name] = environ[field if field in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{field}"]
    compare(S3SigV4Auth, environ, url, headers, at, parts["Credential"], parts["Signature"])


def refuse_unless_presigned(environ, url, fields):
    at = datetime.strptime(fields["X-Amz-Date"], TIME).replace(tzinfo=timezone.utc)
    if now() > at + timedelta(seconds=int(fields["X-Amz-Expires"])):
        raise Refused("AccessDenied", "Request has expired")
    unsigned = url.split("&X-Amz-Signature=")[0]
    headers = {"host": environ["HTTP_HOST"]}
    credential, signature = fields["X-Amz-Credential"], fields["X-Amz-Signature"]
    compare(S3SigV4QueryAuth, environ, unsigned, headers, fields["X-Amz-Date"], credential, signature)


def refuse_unless_signed_as_before(environ, url, fields):
    """Version 2, by which edeliver in bash signs."""
    if fields["AWSAccessKeyId"] != KEY:
        raise Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if now().timestamp() > int(fields["Expires"]):
        raise Refused("AccessDenied", "Request has expired")
    lines = [
        environ["REQUEST_METHOD"],
        environ.get("HTTP_CONTENT_MD5", ""),
        environ.get("CONTENT_TYPE", ""),
        fields["Expires"],
        urlsplit(url).path,
    ]
    expected = hmac.new(SECRET.encode(), "\n".join(lines).encode(), hashlib.sha1).digest()
    if base64.b64encode(expected).decode() != fields["Signature"]:
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match.")


def compare(kind, environ, url, headers, at, credential, signature):
    key, _, region, service, _ = credential.split("/")
    if key != KEY:
        raise Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers)
    request.context["timestamp"] = at
    signer = kind(Credentials(KEY, SECRET), service, region)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if expected != signature:
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match.")


def door(inside):
    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            refuse_unless_signed(environ, body)
        except Refused as refused:
            text = f"<?xml version='1.0'?><Error><Code>{refused.code}</Code><Message>{refused.message}</Message></Error>"
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode()]
        return inside(environ, start_response)

    return app


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return now().strftime("%a, %d %b %Y %H:%M:%S GMT")


def main():
    inside = DomainDispatcherApplication(create_backend_app)
    own = make_server("127.0.0.1", 0, inside, threaded=True, request_handler=Quiet)
    server = make_server("127.0.0.1", 0, door(inside), threaded=True, request_handler=Quiet)
    for each in (own, server):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{own.server_port}",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    ).create_bucket(Bucket=BUCKET)
    print(server.server_port, own.server_port, flush=True)
    sys.stdin.read()


main()
