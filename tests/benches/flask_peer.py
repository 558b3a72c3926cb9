"""The status route as Flask would serve it: one HS256 token to verify, one JSON answer."""

import json
import os

import jwt
from flask import Flask, jsonify, request

SECRET = os.environ["PEER_SECRET"]
ANSWER = json.loads(os.environ["PEER_ANSWER"])

app = Flask(__name__)


@app.get("/api/video/status/<video_id>")
def status(video_id):
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return jsonify(error="Invalid or expired token"), 401
    return jsonify(ANSWER)


@app.get("/healthz")
def healthz():
    return jsonify(status="ok")
