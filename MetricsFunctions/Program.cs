using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddIngestion();
builder.Services.AddTelemetryExport(builder.Configuration);
builder.Build().Run();
