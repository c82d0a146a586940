import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Starts DynamoDB Local on a free port of loopback and prints the port. By itself it listens on
 * every interface, and has no option for another.
 */
class DynamoDbLocal {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer local =
                ServerRunner.createServerFromCommandLineArgs(
                        new String[] {"-inMemory", "-disableTelemetry", "-port", "8000"});
        var field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        var connector = (ServerConnector) ((Server) field.get(local)).getConnectors()[0];
        connector.setHost("127.0.0.1");
        connector.setPort(0);
        local.start();
        System.out.println("listening on " + connector.getLocalPort());
        local.join();
    }
}
