// Type tests and casts: to classes, sealed classes, interfaces, arrays.
using System;
using System.Collections;

class Animal { public int Legs = 4; }
class Bird : Animal, IFlies { public Bird() { Legs = 2; } public int Height { get { return 100; } } }
sealed class Penguin : Bird, ISwims { public int Depth { get { return 30; } } }
sealed class Fish : Animal, ISwims { public Fish() { Legs = 0; } public int Depth { get { return 200; } } }
interface IFlies { int Height { get; } }
interface ISwims { int Depth { get; } }

static class Casts
{
    static long Measure(object o)
    {
        long sum = ((Animal)o).Legs;
        Bird bird = o as Bird;
        if (bird != null) sum += 10;
        if (o is Penguin) sum += 1000;
        ISwims swims = o as ISwims;
        if (swims != null) sum += swims.Depth;
        if (o is IFlies) sum += ((IFlies)o).Height;
        if (o is IEnumerable) sum--;
        return sum;
    }

    static long Work()
    {
        object[] animals = { new Animal(), new Bird(), new Penguin(), new Fish() };
        object[] arrays = { animals, new string[1], new int[2], "text" };
        long sum = 0;
        for (int i = 0; i < 400000; i++)
        {
            sum += Measure(animals[i & 3]);
            object array = arrays[i & 3];
            if (array is object[]) sum += ((object[])array).Length;
            if (array is int[]) sum += 7;
        }
        return sum;
    }

    static int Main() { return Bench.Run("casts", Work); }
}
