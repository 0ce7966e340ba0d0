"""Which files of a model on the Hub are wanted; apart from the download, so that stages do not depend on its code."""

# Other frameworks' copies of the same weights.
IGNORED = ["*.bin", "*.h5", "*.ot", "*.msgpack", "*.onnx", "onnx/*", "openvino/*", "*.gguf"]
