using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion;

/// <summary>Puts ingestion into a host.</summary>
public static class IngestionServices
{
    /// <summary>Registers everything between a request and ClickHouse; the configuration is checked when the host starts.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddIngestion(this IServiceCollection services)
    {
        ContentEncoding.RefuseCutOffStreams();

        services.AddOptions<IngestionOptions>()
            .BindConfiguration(IngestionOptions.Section, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<IngestionOptions>, IngestionOptionsValidator>();

        services.AddOptions<ClickHouseOptions>()
            .BindConfiguration(ClickHouseOptions.Name, binder => binder.ErrorOnUnknownConfiguration = true)
            .Configure<IConfiguration>((options, configuration) => options.ConnectionString = configuration.GetConnectionString(ClickHouseOptions.Name))
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<ClickHouseOptions>, ClickHouseOptionsValidator>();

        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<IngestionTelemetry>();
        services.AddSingleton<IClickHouseClient>(provider =>
            ClickHouseConnection.Open(provider.GetRequiredService<IOptions<ClickHouseOptions>>().Value.ConnectionString!));
        services.AddSingleton<ISampleStore, ClickHouseStore>();
        services.AddSingleton<SampleWriter>();
        services.AddHostedService(provider => provider.GetRequiredService<SampleWriter>());
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<IngestEndpoint>();
        services.AddSingleton<HealthEndpoint>();
        services.AddSingleton<InfluxEndpoint>();
        return services;
    }

    /// <summary>Maps every endpoint on a host with routing of its own. Methods are left to the endpoints, so that a wrong one is their 405.</summary>
    /// <param name="routes">The host's routes.</param>
    public static void MapIngestion(this IEndpointRouteBuilder routes)
    {
        var ingest = routes.ServiceProvider.GetRequiredService<IngestEndpoint>();
        var health = routes.ServiceProvider.GetRequiredService<HealthEndpoint>();
        var influx = routes.ServiceProvider.GetRequiredService<InfluxEndpoint>();
        routes.Map("/api/metrics", context => ingest.HandleAsync(context, Protocol.Metrics));
        routes.Map("/api/write", context => ingest.HandleAsync(context, Protocol.Influx1));
        routes.Map("/api/v2/write", context => ingest.HandleAsync(context, Protocol.Influx2));
        routes.Map("/api/v1/write", context => ingest.HandleAsync(context, Protocol.RemoteWrite));
        routes.Map("/api/v1/metrics", context => ingest.HandleAsync(context, Protocol.Otlp));
        routes.Map("/api/ping", InfluxEndpoint.PingAsync);
        routes.Map("/api/health", influx.HealthAsync);
        routes.Map("/api/query", influx.QueryAsync);
        routes.Map("/api/health/live", HealthEndpoint.LiveAsync);
        routes.Map("/api/health/ready", health.ReadyAsync);
        routes.Map("/api/openapi.json", OpenApiEndpoint.HandleAsync);
        routes.Map("{**path}", UnknownPath.HandleAsync);
    }
}
