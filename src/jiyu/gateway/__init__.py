"""The gateway: the same verdict over HTTP and WebSocket, durable, and only for who may."""
