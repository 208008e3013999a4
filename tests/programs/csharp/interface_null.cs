// Interface calls on null, inside and outside of protected regions, once the code is hot.
using System;

interface IShape { int Area(int by); }
sealed class Square : IShape { public int Area(int by) { return 4 * by; } }
sealed class Dot : IShape { public int Area(int by) { return by; } }
struct Small : IShape { public int Side; public int Area(int by) { return Side * by; } }

static class Program
{
    static int Plain(IShape shape, int by) { return shape.Area(by) + 1; }

    static int Guarded(IShape shape, int by)
    {
        int before = by;
        try
        {
            before++;
            return shape.Area(before);
        }
        catch (NullReferenceException)
        {
            return -before;
        }
        finally
        {
            cleaned += before;
        }
    }

    static int cleaned;

    static int Caught(IShape shape, int by)
    {
        try { return Plain(shape, by); }
        catch (NullReferenceException e)
        {
            lastTrace = e.StackTrace.IndexOf("Plain") >= 0 || e.StackTrace.IndexOf("Caught") >= 0;
            return -1;
        }
    }

    static bool lastTrace;

    static int Main()
    {
        IShape[] shapes = { new Square(), new Dot(), null, new Small { Side = 3 } };
        long sum = 0;
        for (int i = 0; i < 40000; i++)
        {
            IShape shape = shapes[(i * 7 + i / 3) & 3];
            if (shape == null && i % 50 != 0) shape = shapes[1];
            sum += Guarded(shape, i & 15) + Caught(shape, i & 7);
        }
        Console.WriteLine("{0} {1} {2}", sum, cleaned, lastTrace);
        return 0;
    }
}
