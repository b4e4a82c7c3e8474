namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// The codes of ClickHouse's exceptions that mean something here, by its own names for them (<c>errorCodeToName</c>;
/// <see href="https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp"/>).
/// </summary>
enum ClickHouseError
{
    NoSuchColumnInTable = 16,
    IllegalTypeOfArgument = 43,
    IllegalColumn = 44,
    UnknownIdentifier = 47,
    NotImplemented = 48,
    TypeMismatch = 53,
    UnknownTable = 60,
    CannotConvertType = 70,
    UnknownDatabase = 81,
    TimeoutExceeded = 159,
    Readonly = 164,
    UnknownUser = 192,
    WrongPassword = 193,
    RequiredPassword = 194,
    SocketTimeout = 209,
    NetworkError = 210,
    NoZookeeper = 225,
    MemoryLimitExceeded = 241,
    TableIsReadOnly = 242,
    NotEnoughSpace = 243,
    TooManyParts = 252,
    AllConnectionTriesFailed = 279,
    TooFewLiveReplicas = 285,
    UnsatisfiedQuorumForPreviousWrite = 286,
    UnknownStatusOfInsert = 319,
    QueryWasCancelled = 394,
    AccessDenied = 497,
    AuthenticationFailed = 516,
    TableIsPermanentlyReadOnly = 774,
    KeeperException = 999,
}
