namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The numbers of the fields of <c>google.rpc.Status</c>, in which OTLP tells of a request that failed, and of what is in it
/// (<see href="https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto"/> and <c>error_details.proto</c> beside it).
/// </summary>
static class RpcStatus
{
    public const int Code = 1;
    public const int Message = 2;
    public const int Details = 3;

    public static class Any
    {
        public const int TypeUrl = 1;
        public const int Value = 2;
    }

    public static class BadRequest
    {
        public const int FieldViolations = 1;
    }

    public static class FieldViolation
    {
        public const int Description = 2;
    }
}

/// <summary><c>google.rpc.Code</c> (<see href="https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"/>).</summary>
enum RpcCode
{
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}
