// Floating point in fields of objects: motion of five bodies.
using System;

sealed class Body
{
    public double X, Y, Z, VX, VY, VZ, Mass;

    public Body(double x, double y, double z, double vx, double vy, double vz, double mass)
    {
        X = x; Y = y; Z = z;
        VX = vx; VY = vy; VZ = vz;
        Mass = mass;
    }
}

static class NBody
{
    const double Sun = 39.5, Step = 0.01;

    static Body[] Start()
    {
        return new[] {
            new Body(0, 0, 0, 0, 0, 0, Sun),
            new Body(4.84, -1.16, -0.10, 0.606, 2.81, -0.02, 0.000954 * Sun),
            new Body(8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.000285 * Sun),
            new Body(12.89, -15.11, -0.22, 1.08, 0.868, -0.010, 0.0000436 * Sun),
            new Body(15.37, -25.91, 0.179, 0.979, 0.594, -0.034, 0.0000515 * Sun),
        };
    }

    static void Advance(Body[] bodies, double step)
    {
        for (int i = 0; i < bodies.Length; i++)
        {
            Body a = bodies[i];
            for (int j = i + 1; j < bodies.Length; j++)
            {
                Body b = bodies[j];
                double dx = a.X - b.X, dy = a.Y - b.Y, dz = a.Z - b.Z;
                double square = dx * dx + dy * dy + dz * dz;
                double pull = step / (square * Math.Sqrt(square));
                a.VX -= dx * b.Mass * pull;
                a.VY -= dy * b.Mass * pull;
                a.VZ -= dz * b.Mass * pull;
                b.VX += dx * a.Mass * pull;
                b.VY += dy * a.Mass * pull;
                b.VZ += dz * a.Mass * pull;
            }
        }
        foreach (Body b in bodies)
        {
            b.X += step * b.VX;
            b.Y += step * b.VY;
            b.Z += step * b.VZ;
        }
    }

    static double Energy(Body[] bodies)
    {
        double energy = 0;
        for (int i = 0; i < bodies.Length; i++)
        {
            Body a = bodies[i];
            energy += 0.5 * a.Mass * (a.VX * a.VX + a.VY * a.VY + a.VZ * a.VZ);
            for (int j = i + 1; j < bodies.Length; j++)
            {
                Body b = bodies[j];
                double dx = a.X - b.X, dy = a.Y - b.Y, dz = a.Z - b.Z;
                energy -= a.Mass * b.Mass / Math.Sqrt(dx * dx + dy * dy + dz * dz);
            }
        }
        return energy;
    }

    static long Work()
    {
        Body[] bodies = Start();
        for (int i = 0; i < 100000; i++) Advance(bodies, Step);
        return (long)(Energy(bodies) * 1e12);
    }

    static int Main() { return Bench.Run("nbody", Work); }
}
