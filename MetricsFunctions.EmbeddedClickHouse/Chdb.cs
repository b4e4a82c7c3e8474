using System.Runtime.InteropServices;

namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>The function of chDB's C interface that is the <c>clickhouse-local</c> program.</summary>
static unsafe class Chdb
{
    /// <summary>Runs <c>clickhouse-local</c> on this thread, which needs a stack of 16 MB, until it ends.</summary>
    /// <returns>Why it could not begin, or null; later failures it prints on standard error only.</returns>
    public static string? Run(string library, params string[] arguments)
    {
        nint chdb;
        try
        {
            chdb = NativeLibrary.Load(library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return $"{library} cannot be loaded: {e.Message}";
        }

        var run = (delegate* unmanaged<int, byte**, nint>)NativeLibrary.GetExport(chdb, "chdb_query_cmdline");
        var errorOf = (delegate* unmanaged<nint, byte*>)NativeLibrary.GetExport(chdb, "chdb_result_error");
        var destroy = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(chdb, "chdb_destroy_query_result");

        // Never freed: threads of the engine outlive the call.
        var argv = (byte**)NativeMemory.Alloc((nuint)arguments.Length, (nuint)sizeof(byte*));
        for (var i = 0; i < arguments.Length; i++)
        {
            argv[i] = (byte*)Marshal.StringToCoTaskMemUTF8(arguments[i]);
        }

        var result = run(arguments.Length, argv);
        var error = Marshal.PtrToStringUTF8((nint)errorOf(result));
        destroy(result);
        return error;
    }
}
