using System;

struct Point
{
    public int X, Y;
    public Point(int x, int y) { X = x; Y = y; }
    public int Dot(Point other) { return X * other.X + Y * other.Y; }
    public void Move(int dx, int dy) { X += dx; Y += dy; }
}

struct Named
{
    public string Name;
    public Point Where;
    public long Id;
    public byte Flag;
}

class ArraysJaggedStruct
{
    static void Move(ref Point p) { p.Move(1000, 1000); }
    static void MoveCopy(Point p) { p.Move(1000, 1000); }

    static void Main()
    {
        int[][] triangle = new int[8][];
        for (int i = 0; i < triangle.Length; i++)
        {
            triangle[i] = new int[i + 1];
            triangle[i][0] = triangle[i][i] = 1;
            for (int j = 1; j < i; j++)
                triangle[i][j] = triangle[i - 1][j - 1] + triangle[i - 1][j];
        }
        foreach (int[] row in triangle)
        {
            string line = "";
            foreach (int x in row)
                line += x + " ";
            Console.WriteLine(line);
        }
        int[][][] deep = { new int[][] { new int[] { 1, 2 }, null }, null };
        Console.WriteLine(deep[0][0][1]);
        try { Console.WriteLine(deep[0][1][0]); }
        catch (NullReferenceException) { Console.WriteLine("null row"); }
        try { Console.WriteLine(deep[1][0][0]); }
        catch (NullReferenceException) { Console.WriteLine("null plane"); }

        var points = new Point[5];
        for (int i = 0; i < points.Length; i++)
        {
            points[i].X = i;
            points[i].Y = i * i;
        }
        points[2].Move(10, 20);
        Move(ref points[3]);
        MoveCopy(points[4]);
        Point copy = points[1];
        copy.X = 99;
        points[0] = new Point(-1, -2);
        foreach (Point p in points)
            Console.WriteLine(p.X + "," + p.Y);
        Console.WriteLine(copy.X + " " + points[2].Dot(points[3]));
        points[1] = points[2];
        points[2].X = 0;
        Console.WriteLine(points[1].X + " " + points[2].X);
        try { points[5].X = 1; }
        catch (IndexOutOfRangeException) { Console.WriteLine("no sixth point"); }

        var named = new Named[3];
        named[0].Name = "zero";
        named[1].Name = "one";
        named[1].Where.X = 11;
        named[1].Where.Move(1, 1);
        named[1].Id = 1L << 40;
        named[1].Flag = 255;
        named[2] = named[1];
        named[2].Name += "!";
        named[2].Where = new Point(5, 6);
        foreach (Named n in named)
            Console.WriteLine((n.Name ?? "-") + " " + n.Where.X + "," + n.Where.Y + " " + n.Id + " " + n.Flag);

        // Pressure on the collector while structs hold references.
        var holders = new Named[50];
        for (int round = 0; round < 20; round++)
            for (int i = 0; i < holders.Length; i++)
                holders[i].Name = "n" + (round * i);
        int total = 0;
        foreach (Named n in holders)
            total += n.Name.Length;
        Console.WriteLine(total + " " + holders[49].Name);
    }
}
