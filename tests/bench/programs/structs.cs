// Structs as arguments, results and operators: spheres hit by rays.
using System;

struct Vector
{
    public readonly double X, Y, Z;

    public Vector(double x, double y, double z) { X = x; Y = y; Z = z; }

    public static Vector operator +(Vector a, Vector b) { return new Vector(a.X + b.X, a.Y + b.Y, a.Z + b.Z); }
    public static Vector operator -(Vector a, Vector b) { return new Vector(a.X - b.X, a.Y - b.Y, a.Z - b.Z); }
    public static Vector operator *(Vector a, double f) { return new Vector(a.X * f, a.Y * f, a.Z * f); }
    public double Dot(Vector o) { return X * o.X + Y * o.Y + Z * o.Z; }
    public Vector Unit() { return this * (1 / Math.Sqrt(Dot(this))); }
}

struct Ray
{
    public Vector From, Direction;

    public Ray(Vector from, Vector direction) { From = from; Direction = direction; }

    public Vector At(double t) { return From + Direction * t; }
}

struct Sphere
{
    public Vector Centre;
    public double Radius;

    // Distance, or a negative number.
    public double Hit(Ray ray)
    {
        Vector toCentre = Centre - ray.From;
        double along = toCentre.Dot(ray.Direction);
        double rest = Radius * Radius - toCentre.Dot(toCentre) + along * along;
        return rest < 0 ? -1 : along - Math.Sqrt(rest);
    }
}

static class Structs
{
    const int Size = 240;

    static double Shade(Sphere[] scene, Ray ray, Vector light)
    {
        double nearest = double.MaxValue;
        int found = -1;
        for (int i = 0; i < scene.Length; i++)
        {
            double t = scene[i].Hit(ray);
            if (t > 0 && t < nearest)
            {
                nearest = t;
                found = i;
            }
        }
        if (found < 0) return 0;
        Vector normal = (ray.At(nearest) - scene[found].Centre).Unit();
        return Math.Max(0, normal.Dot(light));
    }

    static long Work()
    {
        Sphere[] scene = new Sphere[8];
        for (int i = 0; i < scene.Length; i++)
        {
            scene[i].Centre = new Vector(i % 3 - 1, i / 3 - 1, 4 + i * 0.3);
            scene[i].Radius = 0.3 + 0.05 * i;
        }
        Vector eye = new Vector(0, 0, -1), light = new Vector(1, 1, -1).Unit();
        double sum = 0;
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0; x < Size; x++)
            {
                Vector direction = new Vector(2.0 * x / Size - 1, 2.0 * y / Size - 1, 2).Unit();
                sum += Shade(scene, new Ray(eye, direction), light) * (x + y);
            }
        }
        return (long)(sum * 1e6);
    }

    static int Main() { return Bench.Run("structs", Work); }
}
