"""Models from the Hub: a pinned snapshot in the client's cache, and a manifest of what it holds."""

from pathlib import Path

from huggingface_hub import snapshot_download

from p2w.files import sha256, write_json
from p2w.hub import from_hub

# Other frameworks' copies of the same weights.
IGNORED = ["*.bin", "*.h5", "*.ot", "*.msgpack", "*.onnx", "onnx/*", "openvino/*", "*.gguf"]


def download_model(hub: str, revision: str, output: Path) -> None:
    """Bring a model into the Hub client's cache and write the manifest of its files.

    Raises:
        DownloadError: the model cannot be had; names it, the revision and the reason.
    """

    def download() -> str:
        return snapshot_download(hub, revision=revision, ignore_patterns=IGNORED)

    folder = Path(from_hub(f"model {hub}, revision {revision}", download))
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    write_json(output, {"hub": hub, "revision": revision, "files": files})
