"""Fuzz targets: one function that eats bytes, run for seconds in every test and for hours on request."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, src, deps):
    """A `LLVMFuzzerTestOneInput` in `src`, two ways.

    `name` is the libFuzzer program (`./run fuzz`, clang only). `name`_test feeds the same function a seeded stream of
    mutated inputs, so that every test run tries some.

    Args:
      name: ends in _fuzz.
      src: the .cc file. A seed corpus of inputs lies in the folder `name`_corpus beside it, where there is one.
      deps: what `src` includes.
    """
    corpus = native.glob([name + "_corpus/*"], allow_empty = True)
    cc_library(
        name = name + "_entry",
        testonly = True,
        srcs = [src],
        deps = deps,
        alwayslink = True,
    )
    cc_binary(
        name = name,
        testonly = True,
        data = corpus,
        tags = ["manual"],
        deps = [":" + name + "_entry"],
    )
    cc_test(
        name = name + "_test",
        size = "small",
        args = [native.package_name() + "/" + name + "_corpus"],
        data = corpus,
        deps = [
            ":" + name + "_entry",
            "//test/fuzz:seeded_main",
        ],
    )
