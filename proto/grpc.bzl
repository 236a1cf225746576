"""C++ code of a .proto file, by Debian's protoc and its gRPC plugin."""

def weir_proto(name, src, deps = [], grpc = False, visibility = None):
    """A cc_library `name` of the messages of `src` and, where asked, of its services.

    Args:
      name: the library.
      src: the .proto file, in this package.
      deps: weir_proto libraries of the files that it imports.
      grpc: whether to generate the services (then it links gRPC).
      visibility: as in any rule.
    """
    stem = native.package_name() + "/" + src[:-len(".proto")]
    base = src[:-len(".proto")]
    outs = [base + ".pb.h", base + ".pb.cc"]
    command = "protoc -I. --cpp_out=$(GENDIR) $(SRCS)"
    if grpc:
        outs = outs + [base + ".grpc.pb.h", base + ".grpc.pb.cc"]
        command = ("protoc -I. --cpp_out=$(GENDIR) --grpc_out=$(GENDIR) " +
                   "--plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) " + stem + ".proto")
    else:
        command = "protoc -I. --cpp_out=$(GENDIR) " + stem + ".proto"
    native.genrule(
        name = name + "_generated",
        srcs = [src] + [d + "_file" for d in deps],
        outs = outs,
        cmd = command,
    )
    native.filegroup(name = name + "_file", srcs = [src], visibility = ["//proto:__subpackages__", "//test:__subpackages__"])
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-Wno-unused-parameter", "-Wno-array-bounds"],
        visibility = visibility,
        deps = deps + (["@system//:grpc"] if grpc else ["@system//:protobuf"]),
    )
